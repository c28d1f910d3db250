"""How well scores rank architectures: metrics, intervals, floors and ceiling."""
