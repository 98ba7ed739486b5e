"""A portrait and speech, or a driving video, to a video: media in, the animator, media out, the command.

Reading and writing files (`portrait`, `crop`, `speech_file`, `driving_file`, `video_file`, `still_file`) needs no
network and is imported first, so that a user's mistake is told before anything heavy starts; `animator` holds the
networks, `ear`, `samplers` and `face_programs` what is compiled of them, `speech_programs` and `stream_programs` how a
clip and a stream run it, `reenact` how motion goes from one person to another.
"""
