"""Where jobs are carried out: processes of this machine, or the nodes of a Ray cluster."""
