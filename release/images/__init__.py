"""Images of the modules: what they are made of, built, pushed once, and recorded (docs/release-interfaces.md)."""
