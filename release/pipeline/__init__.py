"""What a pipeline runs besides build, deploy and smoke: bill of materials, audit, version, promotion, rehearsal."""
