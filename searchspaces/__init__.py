"""Search spaces: architectures, costs, supernets and stand-alone networks."""
