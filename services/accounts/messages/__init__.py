"""Subscribe messages of WeChat: who asked for which, and sending each of them once."""
