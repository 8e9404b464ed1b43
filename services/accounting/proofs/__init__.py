"""Daily digests, inclusion proofs and bundles."""
