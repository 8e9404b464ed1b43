"""Subscribe messages of WeChat: acceptances of people, and the sending of each message once."""
