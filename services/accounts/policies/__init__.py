"""Published versions of the privacy policy, with the time in which each can be consented to."""
