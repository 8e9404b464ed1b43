"""What an enterprise still has, asked of accounting before it is closed."""
