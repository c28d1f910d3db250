"""BossNAS: block-wise self-supervised search (Li et al., ICCV 2021)."""
