in vec3 N, P, Q, rest_;
in vec4 extra_;
out vec4 colour;
uniform vec3 iris, centre_left, centre_right, cornea_left, cornea_right, eye_rest;
uniform float pupil, seed;
void main() {
    float side = sign(rest_.x);
    vec3 e = rest_ - vec3(side * eye_rest.x, eye_rest.yz);
    float a = length(e.xy);
    vec3 n = normalize(N);
    vec3 white = vec3(0.70, 0.66, 0.63) * mix(vec3(1.0), vec3(0.93, 0.70, 0.66), smoothstep(0.85, 1.45, a));
    white *= 1.0 - 0.10 * smoothstep(0.55, 0.8, noise(vec3(e.xy * 5.0, seed)));
    float rays = noise(vec3(atan(e.y, e.x) * 7.0, a * 2.5, seed));
    vec3 ring = iris * (0.65 + 0.9 * rays) * mix(1.3, 0.75, smoothstep(0.25, 0.62, a));
    ring *= mix(1.0, 0.25, smoothstep(0.52, 0.68, a));
    vec3 c = mix(white, ring, 1.0 - smoothstep(0.62, 0.70, a));
    c = mix(c, vec3(0.006), 1.0 - smoothstep(pupil, pupil + 0.07, a));
    vec3 centre = side > 0.0 ? centre_left : centre_right;
    float shade = smoothstep(1.05, 0.15, Q.y - centre.y) * smoothstep(-1.3, -0.4, Q.y - centre.y);
    shade *= smoothstep(1.6, 0.9, abs(Q.x - centre.x));
    vec3 lit = c * diffuse(n, vec3(0.3)) * mix(0.42, 1.0, shade);
    // Catch light: the mirror image of the key light on the cornea, a small ball in front of the eye.
    vec3 cornea = side > 0.0 ? cornea_left : cornea_right;
    vec2 spot = cornea.xy + 0.62 * normalize(light + vec3(0, 0, 1)).xy;
    float glint = smoothstep(0.19, 0.10, length(P.xy - spot)) * step(a, 0.95);
    float wet = 0.25 * highlight(n, 60.0);
    colour = display(lit + wet * light_colour + glint * (0.5 + light_colour), 1.0);
}
