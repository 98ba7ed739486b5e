in vec2 at;
out vec4 colour;
uniform float scene[56]; // 8 rows of x, y, radius, r, g, b, softness; the first two rows are the ends of a gradient
void main() {
    vec3 c = mix(vec3(scene[3], scene[4], scene[5]), vec3(scene[10], scene[11], scene[12]), smoothstep(-1.2, 1.2, at.y + 0.3 * at.x));
    for (int i = 2; i < 8; i++) {
        int k = 7 * i;
        float d = length((at - vec2(scene[k], scene[k + 1])) * vec2(1.0, 0.75));
        float edge = scene[k + 2] * (0.3 + 0.7 * scene[k + 6]);
        c = mix(c, vec3(scene[k + 3], scene[k + 4], scene[k + 5]), 0.7 * smoothstep(scene[k + 2] + edge, scene[k + 2] - edge, d));
    }
    c *= 0.97 + 0.06 * noise(vec3(at * 2.0, 1.0));
    colour = vec4(pow(clamp(c, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}
