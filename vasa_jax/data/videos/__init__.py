"""From a folder of real videos to a clip set: what is read, followed, cropped, labelled, refused and written."""
