"""Files that people attach: read in a process of its own that can do nothing else, and quoted from by page."""
