// All there is to do here is to leave this file: what stands in it would be bound to the main actor.
Program.main()
