"""What the camera counts for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

FRAMES_SENT = Counter("camera_frames_sent", "Frames that the hub has stored.", ["source"])
DROPPED = Counter("camera_dropped", "Pictures and files that did not become a frame, by reason.", ["reason"])
FRAMES_LOST = Counter("camera_frames_without_credit", "Frames for which no credit came in time.")
FRAMES_FROZEN = Counter("camera_frames_frozen", "Frames that repeat the one before for too long.")
SOURCE_FAILURES = Counter("camera_source_failures", "Times that the source failed or fell silent.", ["state"])
OUTSTANDING = Gauge("camera_frames_outstanding", "Frames on their way for which no credit came yet.")
