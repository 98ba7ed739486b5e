"""Speech unlike the training's: real people, noise, telephones, whispering, song, other languages."""
