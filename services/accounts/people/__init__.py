"""Changes of one person that concern several rooms: log-in, account, phone number, consent."""
