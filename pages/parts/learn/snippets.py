"""Two pieces of code that are both called MAML. A test runs them as they stand here."""

WRONG = """
def train_step(network, tasks, optimizer):
    optimizer.zero_grad()
    for support_x, support_y, query_x, query_y in tasks:
        x = torch.cat([support_x, query_x])
        y = torch.cat([support_y, query_y])
        loss = mse_loss(network(x), y)
        (loss / len(tasks)).backward()
    optimizer.step()
""".strip()
RIGHT = """
def meta_step(network, tasks, optimizer, inner_lr):
    optimizer.zero_grad()
    for support_x, support_y, query_x, query_y in tasks:
        names, start = zip(*network.named_parameters())
        loss = mse_loss(network(support_x), support_y)
        slopes = grad(loss, start, create_graph=True)
        step = zip(names, start, slopes)
        adapted = {n: w - inner_lr * g for n, w, g in step}
        answer = functional_call(network, adapted, query_x)
        (mse_loss(answer, query_y) / len(tasks)).backward()
    optimizer.step()
""".strip()
