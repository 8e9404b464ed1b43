"""Which accounts are erased: the tasks of erasure, asked before a late fact about a person is stored."""
