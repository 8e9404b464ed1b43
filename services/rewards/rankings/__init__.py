"""Boards: who saved how much in a week, in a month and in all, in the city, a district, a campaign and among groups."""
