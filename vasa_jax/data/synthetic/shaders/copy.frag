in vec2 at;
out vec4 colour;
uniform sampler2D picture;
void main() { colour = texture(picture, at * 0.5 + 0.5); }
