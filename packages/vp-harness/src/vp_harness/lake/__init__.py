"""What lies in a lake: raw files, datasets with their manifests and anchors, verification, publication."""
