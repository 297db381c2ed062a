/* Nothing to include: the library is loaded in front of others (LD_PRELOAD). */
