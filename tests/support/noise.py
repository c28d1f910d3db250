"""The random images of the conformance suite, for other tests."""

from harness.conformance.noise import Noise, Part

__all__ = ["Noise", "Part"]
