"""What `vp bench` measures."""
