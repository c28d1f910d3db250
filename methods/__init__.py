"""One-shot NAS methods: how a supernet is trained, how an architecture is scored."""
