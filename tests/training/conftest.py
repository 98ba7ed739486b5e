from toys import clip_set, toy

__all__ = ["clip_set", "toy"]
