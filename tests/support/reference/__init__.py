"""Networks of the spaces written out with plain functions, from what the papers say of them.

They share no code with the networks under test: only names of weights, and what a space fixes
(channels, strides), which its costs are tested for.
"""
