"""T2T-ViT, written for this project after the paper; the official weights fit by name.

Yuan et al., "Tokens-to-Token ViT: Training Vision Transformers from Scratch on ImageNet", ICCV 2021,
arXiv:2101.11986; official repository: github.com/yitu-opensource/T2T-ViT.
"""
