// Makes pages live. Everything works without it.
