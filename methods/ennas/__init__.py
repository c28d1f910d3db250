"""EnNAS: the subnets of a step teach each other by their ensemble."""
