// Strands: streaks of tone along the hair, a broken highlight across it, and tips that thin out.
in vec3 N, P, Q, rest_; // rest: around, along, sheet
in vec4 extra_; // neck weight, tangent
out vec4 colour;
uniform vec3 hair;
uniform float seed, curls;
uniform sampler2D streaks;
void main() {
    vec2 place = vec2(rest_.x + curls * 0.012 * sin(rest_.y * 30.0 + 40.0 * sin(rest_.x * 19.0)), rest_.y * mix(0.35, 1.2, curls)) + vec2(seed * 0.11, seed * 0.07);
    float fine = texture(streaks, place * vec2(5.0, 1.0)).r;
    float broad = texture(streaks, place * vec2(1.3, 0.6) + 0.37).r;
    float tip = smoothstep(1.0, 0.84, rest_.y + 0.3 * (fine - 0.5));
    float inner = 1.0 - rest_.z;
    float alpha = tip * mix(smoothstep(0.42, 0.62, fine * 0.6 + broad * 0.5), 1.0, smoothstep(0.5, 0.9, inner));
    if (alpha < 0.12) discard;
    vec3 n = normalize(N), t = normalize(extra_.yzw);
    vec3 h = normalize(light + vec3(0, 0, 1));
    float th = dot(t, h), shine = pow(max(0.0, 1.0 - th * th), 30.0);
    vec3 c = hair * (0.25 + 0.9 * fine + 0.5 * broad) * mix(0.5, 1.0, rest_.z);
    vec3 lit = c * diffuse(n, vec3(0.3)) * 1.1;
    lit += shine * (0.05 + 0.45 * hair) * light_colour * (0.25 + 0.75 * fine) * max(0.0, dot(n, light) * 0.6 + 0.4) * 0.45;
    colour = display(lit, alpha);
}
