"""The whole pipeline at full speed, with and without somebody who looks at its live page."""
