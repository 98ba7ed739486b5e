in vec3 N, P, Q, rest_;
in vec4 extra_;
out vec4 colour;
uniform vec3 clothes;
void main() {
    vec3 n = normalize(N + 0.35 * (vec3(noise(P * 0.55), noise(P * 0.55 + 9.0), 0.5) - 0.5));
    float weave = noise(P * vec3(7.0, 3.0, 7.0));
    float near = smoothstep(-15.5, -12.5, P.y) * 0.25;
    colour = display(clothes * (0.9 + 0.16 * weave) * diffuse(n, vec3(0.2)) * (1.0 - near), 1.0);
}
