"""Files that people keep: certificates and yearly statements as PDF and PNG, made by the worker."""
