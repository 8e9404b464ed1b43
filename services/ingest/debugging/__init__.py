"""The signature debugger: explains to a partner why the signature of a sandbox key does not match."""
