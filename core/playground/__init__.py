"""What people try out on trained learners, by hand: free of Streamlit."""
