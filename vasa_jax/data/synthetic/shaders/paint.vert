// Lays the skin out flat: texture coordinates become the place on the canvas.
in vec3 rest;
in vec2 uv;
in vec4 marks;
out vec3 r;
out vec4 m;
void main() { r = rest; m = marks; gl_Position = vec4(uv * 2.0 - 1.0, 0.0, 1.0); }
