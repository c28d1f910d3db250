"""A searched backbone in RetinaNet, fine-tuned on COCO (MNGNAS Table VII)."""
