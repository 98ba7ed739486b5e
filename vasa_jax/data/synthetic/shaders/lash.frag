in vec3 N, P, Q, rest_;
in vec4 extra_; // neck weight, fade from root 1 to tip 0
out vec4 colour;
uniform float lash;
void main() { colour = vec4(0.07, 0.05, 0.045, lash * extra_.y); }
