"""A portrait and a speech clip to a video: media in, the animator, media out, the command.

Reading and writing files (`portrait`, `crop`, `speech_file`, `video_file`) needs no JAX and is imported
first, so that a user's mistake is told before anything heavy starts; `animator` holds the networks and their
compiled programs.
"""
