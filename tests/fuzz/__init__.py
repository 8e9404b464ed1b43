"""Bad input against the whole stack, through the gateway and straight into the topics."""
