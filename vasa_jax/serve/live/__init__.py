"""Streams that speak while they listen: `speaker` owns one in a thread of its own, `websocket` and `webrtc` carry sound
to it and frames away."""
