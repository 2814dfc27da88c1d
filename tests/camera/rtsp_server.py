"""An RTSP server for the tests, run by the system's Python, which has Debian's gst-rtsp-server.

usage: rtsp_server.py ADDRESS PORT CODEC [USER PASSWORD]

Serves `/stream`: 160x120 at 25 frames a second, H.264 or MJPEG, snow or, with `/frozen`, a still picture.
"""

import sys
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency key-int-max=12 speed-preset=ultrafast ! rtph264pay name=pay0 pt=96",
    "mjpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


def main() -> None:
    Gst.init(None)
    address, port, codec, *credentials = sys.argv[1:]
    server = GstRtspServer.RTSPServer()
    server.set_address(address)
    server.set_service(port)
    for path, pattern in (("/stream", "snow"), ("/frozen", "red")):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            f"( videotestsrc is-live=true pattern={pattern} "
            "! video/x-raw,format=I420,width=160,height=120,framerate=25/1 "
            f"! {ENCODERS[codec]} )"
        )
        factory.set_shared(True)
        if credentials:
            guard(server, factory, *credentials)
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    GLib.MainLoop().run()


def guard(server: Any, factory: Any, user: str, password: str) -> None:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    authority = GstRtspServer.RTSPAuth()
    authority.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(authority)
    role = "user,media.factory.access=true,media.factory.construct=true"
    factory.add_role_from_structure(Gst.Structure.new_from_string(role))


if __name__ == "__main__":
    main()
