"""Keys that sign tokens after a rotation: published first, signing later, published until the last token ends."""
