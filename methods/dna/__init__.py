"""DNA: block-wise supervision by a trained teacher (Li et al., CVPR 2020)."""
