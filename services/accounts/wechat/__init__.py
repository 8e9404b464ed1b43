"""Server-side calls to WeChat."""
