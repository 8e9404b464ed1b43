"""What operators do about WeChat: texts to decide on, messages that failed."""
