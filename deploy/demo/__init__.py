"""`make demo`: the main job on a running stack, from real trips to a bowl of noodles, with proof."""
