"""The values inside a model: pretrained, from a file, or random; and the hash that names them."""
