in vec3 N, P, Q, rest_;
in vec4 extra_; // neck weight, kind: 0 socket, 1 gum or tongue, 2 tooth
out vec4 colour;
uniform float open; // how far the lips are apart: light that gets in
void main() {
    vec3 n = normalize(N);
    float depth = smoothstep(3.5, 10.3, Q.z);
    float kind = extra_.y;
    vec3 albedo = kind > 1.5 ? vec3(0.80, 0.74, 0.64) : kind > 0.5 ? vec3(0.48, 0.14, 0.13) : vec3(0.20, 0.055, 0.05);
    albedo *= 0.92 + 0.16 * noise(rest_ * 5.0);
    float dark = kind > 1.5 ? mix(0.12, 0.95, smoothstep(5.5, 10.0, Q.z)) : mix(0.12, 0.90, depth * depth);
    dark *= mix(0.75, 1.0, open);
    vec3 lit = albedo * diffuse(n, vec3(0.4)) * dark;
    float wet = (kind > 0.5 ? 0.30 : 0.05) * highlight(n, 40.0) * depth;
    colour = display(lit + wet * light_colour * dark, 1.0);
}
