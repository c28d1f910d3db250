"""One run in several processes that ``torchrun`` started."""
