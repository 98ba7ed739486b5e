out vec2 at;
void main() {
    vec2 q = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2) * 2.0 - 1.0;
    at = q;
    gl_Position = vec4(q, 0.9999, 1.0);
}
