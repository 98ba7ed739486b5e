in vec3 N, P, Q, rest_;
in vec4 extra_; // neck weight, u, v, part
out vec4 colour;
uniform sampler2D paint;
void main() {
    vec3 n = normalize(N);
    vec4 t = texture(paint, extra_.yz);
    vec3 albedo = t.rgb * t.rgb;
    vec3 lit = albedo * diffuse(n, vec3(0.38, 0.20, 0.14));
    float sheen = t.a * (0.14 * highlight(n, 12.0) + 0.16 * highlight(n, 48.0));
    float rim = pow(1.0 - max(0.0, n.z), 4.0) * 0.10;
    colour = display(lit + sheen * light_colour + rim * (ambient + fill) * (0.4 + albedo), 1.0);
}
